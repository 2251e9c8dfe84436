"""dialer/media"""
