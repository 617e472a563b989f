"""The application for your own images: predict, video and serve. No other folder imports this one."""
