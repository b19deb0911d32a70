"""What does each tool send? One small file each; KINDS in channels.monitoring.kinds is the table."""
