"""dialer/engine"""
