"""Kills, full disks, bad and hostile files."""
