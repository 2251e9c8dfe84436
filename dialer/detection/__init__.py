"""dialer/detection"""
