"""What this machine is and what fits it, by the standard library of any Python from 3.8 on alone."""
