"""Web Push: notifications of a browser that subscribed on the tracking page."""
