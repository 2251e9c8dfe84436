"""dialer/trunks"""
