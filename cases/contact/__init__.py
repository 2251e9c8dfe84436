"""Contact policy: may this person be contacted this way now, and if not, why and when next."""
