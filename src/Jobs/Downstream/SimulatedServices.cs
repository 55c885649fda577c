using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;

namespace Jobs.Downstream;

/// <summary>
/// The outside world in development: an e-mail provider, a CRM, a file store, analytics, and what a shop needs to fulfil an order, which can be made slow or unreliable while
/// the system runs (<c>PUT /sim/email {"latencyMs": 200, "failureRate": 0.3}</c>) to see what Weir makes of it.
/// </summary>
public sealed class SimulatedServices(TimeProvider clock, Random chance)
{
    private static readonly string[] Names = ["email", "crm", "avatar", "analytics", "stock", "payments", "carrier", "customs"];

    private readonly ConcurrentDictionary<string, Service> services = new(Names.Select(name => KeyValuePair.Create(name, new Service())));

    /// <summary>GET /sim</summary>
    public IResult List() => Results.Json(Names.ToDictionary(name => name, name => services[name].Show()));

    /// <summary>PUT /sim/{name}</summary>
    public async Task<IResult> SetAsync(HttpRequest request, string name, CancellationToken cancellation)
    {
        if (!services.TryGetValue(name, out var service))
            return Unknown(name);

        ServiceBehaviour? wanted;
        try
        {
            wanted = await System.Text.Json.JsonSerializer.DeserializeAsync<ServiceBehaviour>(request.Body, System.Text.Json.JsonSerializerOptions.Web, cancellation);
        }
        catch (Exception malformed) when (malformed is System.Text.Json.JsonException or IOException)
        {
            return Refused(400, "malformedJson", "The body is not a behaviour");
        }
        if (wanted is null || !Validator.TryValidateObject(wanted, new ValidationContext(wanted), null, validateAllProperties: true))
            return Refused(400, "invalidRequest", "The behaviour is out of range");

        service.Become(wanted, clock);
        return Results.Json(service.Show());
    }

    /// <summary>POST /sim/{name}: what a job calls.</summary>
    public async Task<IResult> CallAsync(HttpRequest request, string name, CancellationToken cancellation)
    {
        if (!services.TryGetValue(name, out var service))
            return Unknown(name);

        try
        {
            await request.Body.CopyToAsync(Stream.Null, cancellation);
        }
        catch (IOException)
        {
            return Refused(400, "brokenBody", "The body did not come whole");
        }
        var behaviour = service.Behaviour;
        using var call = service.Enter(clock);
        if (call.IsTooMany)
            return Results.Problem("More calls came at once than the simulated service takes now.", statusCode: 503, title: $"{name} is overloaded", extensions: Code("overloaded"));
        if (behaviour.LatencyMs > 0)
            await Task.Delay(TimeSpan.FromMilliseconds(behaviour.LatencyMs), clock, cancellation);
        if (chance.NextDouble() < behaviour.FailureRate)
        {
            service.CountFailure();
            return Results.Problem("The simulated service fails, as it was told to.", statusCode: behaviour.FailWith, title: $"{name} is not available", extensions: Code("simulated"));
        }

        service.CountSuccess();
        return Results.Json(new DownstreamAnswer($"{name}-{request.Headers["Idempotency-Key"]}"));
    }

    private static IResult Unknown(string name) => Results.Problem(
        $"There is no simulated service '{(name.Length <= 40 ? name : "a longer name")}'; expected one of {string.Join(", ", Names)}.", statusCode: 404, title: "No such service", extensions: Code("unknownService"));

    private static IResult Refused(int status, string code, string title) =>
        Results.Problem("Expected {\"latencyMs\": 0 to 60000, \"failureRate\": 0 to 1, \"failWith\": 400 to 599, \"maxConcurrent\": 0 to 10000, \"warmUpMs\": 0 to 600000}.", statusCode: status, title: title, extensions: Code(code));

    private static Dictionary<string, object?> Code(string code) => new() { ["code"] = code };

    private sealed class Service
    {
        private long succeeded;
        private long failed;
        private long overloaded;
        private int running;
        private int peak;
        private long? warmSince;
        private volatile ServiceBehaviour behaviour = new();
        private readonly Lock gate = new();

        public ServiceBehaviour Behaviour => behaviour;

        public void Become(ServiceBehaviour wanted, TimeProvider clock)
        {
            lock (gate)
                (behaviour, peak, warmSince) = (wanted, running, wanted.FailureRate >= 1 ? null : warmSince);
        }

        /// <summary>A call, until it is disposed of. A service that comes back is warm some time after its first call.</summary>
        public Call Enter(TimeProvider clock)
        {
            lock (gate)
            {
                peak = Math.Max(peak, ++running);
                warmSince ??= behaviour.FailureRate < 1 ? clock.GetTimestamp() : null;
                var isWarm = behaviour.WarmUpMs > 0 && warmSince is { } since && clock.GetElapsedTime(since).TotalMilliseconds >= behaviour.WarmUpMs;
                var tooMany = behaviour.MaxConcurrent > 0 && running > behaviour.MaxConcurrent && !isWarm;
                if (tooMany)
                    overloaded++;
                return new Call(this, tooMany);
            }
        }

        private void Leave()
        {
            lock (gate)
                running--;
        }

        public sealed class Call(Service service, bool isTooMany) : IDisposable
        {
            public bool IsTooMany => isTooMany;

            public void Dispose() => service.Leave();
        }

        public void CountSuccess() => Interlocked.Increment(ref succeeded);

        public void CountFailure() => Interlocked.Increment(ref failed);

        public object Show()
        {
            lock (gate)
                return new { behaviour.LatencyMs, behaviour.FailureRate, behaviour.FailWith, behaviour.MaxConcurrent, behaviour.WarmUpMs, Succeeded = Interlocked.Read(ref succeeded), Failed = Interlocked.Read(ref failed), Overloaded = overloaded, Peak = peak };
        }
    }
}

/// <summary>How a simulated service behaves from now on.</summary>
public sealed record ServiceBehaviour
{
    [Range(0, 60_000)]
    public int LatencyMs { get; init; }

    /// <summary>The share of calls that fail.</summary>
    [Range(0.0, 1.0)]
    public double FailureRate { get; init; }

    /// <summary>The status of a failure.</summary>
    [Range(400, 599)]
    public int FailWith { get; init; } = 503;

    /// <summary>More calls at once fail; 0 is no limit.</summary>
    [Range(0, 10_000)]
    public int MaxConcurrent { get; init; }

    /// <summary>That limit holds for so long after it has come back, as where caches are cold; 0 is always.</summary>
    [Range(0, 600_000)]
    public int WarmUpMs { get; init; }
}
