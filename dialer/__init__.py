"""The calling floor: campaigns, pacing, hopper, call flow, media, answer detection."""
