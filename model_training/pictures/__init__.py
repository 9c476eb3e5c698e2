"""Makes simulated frames look like camera pictures: photos as surfaces, other lights, occluders, lens and sensor."""
