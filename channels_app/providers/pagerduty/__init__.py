"""PagerDuty: wakes whoever is on call, and tells us what they do about it."""
