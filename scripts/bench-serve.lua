-- Posts pictures in turn, and reports as one line of JSON. Arguments: the pictures.
local requests, next_one = {}, 0

function init(pictures)
   for _, path in ipairs(pictures) do
      local file = assert(io.open(path, "rb"))
      local body = file:read("*a")
      file:close()
      requests[#requests + 1] =
         wrk.format("POST", nil, { ["content-type"] = "application/octet-stream" }, body)
   end
end

function request()
   next_one = next_one % #requests + 1
   return requests[next_one]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "seconds": %.3f, "not_200": %d, "broken": %d, "p50_ms": %.1f, "p99_ms": %.1f}\n',
      summary.requests, summary.duration / 1e6, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
