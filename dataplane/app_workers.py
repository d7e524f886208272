"""What the processes of a gateway of several do otherwise than one that does it all."""
