"""The application for photographs: predict, video and serve. No other folder imports this one."""
