"""DoorDash Drive: Dashers that bring the shop's own orders."""
