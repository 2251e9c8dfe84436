"""cases/importing"""
