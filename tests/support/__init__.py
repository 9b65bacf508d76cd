"""What the tests start and stop: brokers, bridges, workers, web servers."""
