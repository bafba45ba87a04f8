"""Random schedules against real servers, for as long as one likes."""
