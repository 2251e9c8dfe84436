"""dialer/campaigns"""
