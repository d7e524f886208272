"""What is recognised, one file for each family of kinds; each exports `make`."""
