"""agent_ui"""
