"""dialer/simulation"""
