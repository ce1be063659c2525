-- One body per line of the file, each sent once. Past its end requests fail, so that no question is ever repeated.
local bodies, sent = {}, 0
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  for line in io.lines(arguments[1]) do
    bodies[#bodies + 1] = line
  end
end

function request()
  sent = sent + 1
  return wrk.format("POST", nil, nil, bodies[sent] or "no body is left")
end

function done(summary, latency)
  local faults = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "mean_us": %.1f, "max_us": %d, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency.mean, latency.max,
    faults.connect + faults.read + faults.write + faults.status + faults.timeout))
end
