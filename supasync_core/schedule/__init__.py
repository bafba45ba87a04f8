"""What cron, systemd and Windows need to run one installation's sync."""
