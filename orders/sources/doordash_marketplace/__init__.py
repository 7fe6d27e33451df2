"""DoorDash Marketplace: orders that are placed at DoorDash, Caviar or a DoorDash storefront."""
