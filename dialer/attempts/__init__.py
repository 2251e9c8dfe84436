"""dialer/attempts"""
