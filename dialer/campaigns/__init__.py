"""Campaigns: lists, leads, the hopper and the recycling of outcomes."""
