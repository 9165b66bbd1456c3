"""What a machine and a cloud must have to run, each finding with its mend."""
