"""Pictures and videos in and out: sources of a camera's pictures, files, and answers drawn over an image."""
