"""dialer/agents"""
