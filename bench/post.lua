-- wrk's part of a POST: random bytes, the same each time, BODY_BYTES of them.
local file = io.open("/dev/urandom", "rb")
wrk.method = "POST"
wrk.body = file:read(tonumber(os.getenv("BODY_BYTES")))
wrk.headers["Content-Type"] = "application/octet-stream"
file:close()
