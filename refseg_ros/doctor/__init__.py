"""The doctor: examines the machine and the running nodes once, and says what is wrong and what to do."""
