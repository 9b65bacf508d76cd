"""A file to which handlers append an id each time they run (/append of the probe app)."""


class Lines:
    def __init__(self, path):
        self.path = str(path)

    def query(self, name, ms=0):
        return f"file={self.path}&id={name}&ms={ms}"

    def url(self, prefix, name, ms=0):
        return f"{prefix}/append?{self.query(name, ms)}"

    def all(self):
        try:
            with open(self.path, encoding="ascii") as file:
                return file.read().split()
        except OSError:
            return []

    def count(self, name):
        return self.all().count(name)
