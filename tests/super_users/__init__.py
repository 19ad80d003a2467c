"""Super users: who becomes one and who leaves, milestones, and polls."""
