"""dialer/pacing"""
