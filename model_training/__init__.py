"""Training, evaluation and export of the networks that refseg_ros runs. torch lives here, and only here."""
