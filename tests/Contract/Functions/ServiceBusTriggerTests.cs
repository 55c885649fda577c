using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Contract.Tests.Functions;

/// <summary>Functions that messages run, in real hosts over a broker on disk.</summary>
public sealed class ServiceBusTriggerTests
{
    private const string Entities = """
        { "UserConfig": { "Namespaces": [ { "Name": "sbemulatorns",
            "Queues": [
              { "Name": "lanes", "Properties": { "RequiresSession": true, "LockDuration": "PT1M", "MaxDeliveryCount": 3 } },
              { "Name": "plain", "Properties": { "RequiresSession": false, "LockDuration": "PT1M", "MaxDeliveryCount": 3 } } ],
            "Topics": [ { "Name": "news", "Properties": {}, "Subscriptions": [ { "Name": "all", "Properties": { "LockDuration": "PT1M" } } ] } ] } ] } }
        """;

    private const string HostJson = """
        { "version": "2.0", "extensions": { "serviceBus": { "maxConcurrentSessions": 2, "sessionIdleTimeout": "00:00:01", "autoCompleteMessages": true } } }
        """;

    [Fact]
    public async Task Messages_of_queues_sessions_and_subscriptions_reach_functions_in_the_shape_that_they_ask_for()
    {
        using var directory = NewDirectory();
        await using var host = await StartAsync(directory, new Probe(), typeof(Shapes));
        var probe = host.Services.GetRequiredService<Probe>();
        await using var client = NewClient(host);

        await client.CreateSender("plain").SendMessageAsync(new ServiceBusMessage("text") { MessageId = "m1" });
        await client.CreateSender("news").SendMessageAsync(new ServiceBusMessage("bytes"));
        await client.CreateSender("lanes").SendMessageAsync(new ServiceBusMessage("session") { SessionId = "s1", Subject = "greeting" });

        await Task.WhenAll(probe.Until("plain text m1"), probe.Until("news 5 bytes"), probe.Until("lanes session s1 state 0 greeting"));
    }

    [Fact]
    public async Task A_function_that_throws_ends_in_the_dead_letter_queue_whose_trigger_takes_it()
    {
        using var directory = NewDirectory();
        await using var host = await StartAsync(directory, new Probe(), typeof(Failing));
        var probe = host.Services.GetRequiredService<Probe>();
        await using var client = NewClient(host);

        await client.CreateSender("lanes").SendMessageAsync(new ServiceBusMessage("bad") { SessionId = "s1" });

        await probe.Until("dead: bad MaxDeliveryCountExceeded of s1");
        Assert.Equal(["delivery 1", "delivery 2", "delivery 3"], probe.Seen.Take(3));
        Assert.Equal(3, host.Log.Lines.Count(line => line.StartsWith("Error: Function 'Fails' failed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_triggers_AutoCompleteMessages_wins_over_host_json_even_as_false()
    {
        using var directory = NewDirectory();
        var probe = new Probe();
        await using (var host = await StartAsync(directory, probe, typeof(Unsettled)))
        {
            await using var client = NewClient(host);
            await client.CreateSender("plain").SendMessageAsync(new ServiceBusMessage("kept"));
            await probe.Until("kept, delivery 1");
        }

        await using var second = await StartAsync(directory, probe, typeof(Unsettled));
        await probe.Until("kept, delivery 1 again");
    }

    [Fact]
    public async Task Middleware_wraps_messages_too_and_sees_their_binding_data()
    {
        using var directory = NewDirectory();
        var probe = new Probe();
        await using var host = await StartAsync(directory, probe, builder => builder.UseMiddleware(async (context, next) =>
        {
            await next();
            probe.See($"after {context.FunctionDefinition.InputBindings.Values.Single(binding => binding.Type.EndsWith("Trigger", StringComparison.Ordinal)).Type} "
                + $"{context.BindingContext.BindingData["MessageId"]} {context.TraceContext.TraceParent}");
        }), typeof(Shapes));
        await using var client = NewClient(host);
        var message = new ServiceBusMessage("text") { MessageId = "m1" };
        message.ApplicationProperties["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

        await client.CreateSender("plain").SendMessageAsync(message);

        await probe.Until("after serviceBusTrigger m1 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }

    [Fact]
    public async Task A_stop_fires_the_tokens_waits_and_leaves_nothing_locked_so_that_the_next_host_goes_on_at_once()
    {
        using var directory = NewDirectory();
        var first = new Probe();
        var host = await StartAsync(directory, first, typeof(Draining));
        await using var client = NewClient(host);
        for (var i = 1; i <= 3; i++)
            await client.CreateSender("lanes").SendMessageAsync(new ServiceBusMessage($"{i}") { SessionId = "s1" });
        await client.CreateSender("plain").SendMessageAsync(new ServiceBusMessage("p"));
        await Task.WhenAll(first.Until("begins 1"), first.Until("begins p"));

        await host.DisposeAsync();
        Assert.Equal(["begins 1", "begins p", "stopped 1", "stopped p"], first.Seen.Order());

        // Both were handed back by a throw, and both locks last a minute: only what is released can come again in time.
        var second = new Probe();
        second.Open("no stop");
        await using var next = await StartAsync(directory, second, typeof(Draining));
        await Task.WhenAll(second.Until("ends 3"), second.Until("ends p"));
        Assert.Equal(["begins 1", "begins 2", "begins 3"], second.Seen.Where(seen => seen.StartsWith("begins", StringComparison.Ordinal) && seen != "begins p"));
    }

    [Fact]
    public async Task A_function_that_ignores_the_stop_is_waited_for_within_the_hosts_time_only()
    {
        using var directory = NewDirectory();
        var probe = new Probe();
        var host = await StartAsync(directory, probe, typeof(Stubborn));
        await using (var client = NewClient(host))
            await client.CreateSender("plain").SendMessageAsync(new ServiceBusMessage("x"));
        await probe.Until("begins");

        await host.StopAsync();

        Assert.Contains(host.Log.Lines, line => line.StartsWith("Warning: Functions still ran when the time to stop was over", StringComparison.Ordinal));
        probe.Open("go");
        await probe.Until("ends");
        await host.DisposeAsync();
    }

    private static TestDirectory NewDirectory()
    {
        var directory = new TestDirectory();
        directory.Write("servicebus.json", Entities);
        return directory;
    }

    private static Task<TestHost> StartAsync(TestDirectory directory, Probe probe, params Type[] functions) => StartAsync(directory, probe, _ => { }, functions);

    private static Task<TestHost> StartAsync(
        TestDirectory directory, Probe probe, Action<FunctionsApplicationBuilder> configure, params Type[] functions) =>
        TestHost.StartAsync(
            functions,
            new TestHostOptions
            {
                HostJson = HostJson,
                Settings = new() { ["Queue"] = "plain" },
                Configure = builder =>
                {
                    builder.Services.AddSingleton(probe);
                    configure(builder);
                },
            },
            directory);

    private static ServiceBusClient NewClient(TestHost host) => new(host.Services.GetRequiredService<IConfiguration>()["ServiceBus"]!);

    public sealed class Shapes(Probe probe)
    {
        [Function("Plain")]
        public void Plain([ServiceBusTrigger("%Queue%", Connection = "ServiceBus")] string body, FunctionContext context) =>
            probe.See($"plain {body} {context.BindingContext.BindingData["MessageId"]}");

        [Function("News")]
        public void News([ServiceBusTrigger("news", "all")] byte[] body) => probe.See($"news {body.Length} bytes");

        [Function("Lanes")]
        public async Task Lanes(
            [ServiceBusTrigger("lanes", IsSessionsEnabled = true)] ServiceBusReceivedMessage message,
            ServiceBusMessageActions actions,
            ServiceBusSessionMessageActions session)
        {
            var state = await session.GetSessionStateAsync();
            await actions.CompleteMessageAsync(message);
            await session.ReleaseSession();
            probe.See($"lanes {message.Body} {message.SessionId} state {state.ToArray().Length} {message.Subject}");
        }
    }

    public sealed class Failing(Probe probe)
    {
        [Function("Fails")]
        public void Fails([ServiceBusTrigger("lanes", IsSessionsEnabled = true)] ServiceBusReceivedMessage message)
        {
            probe.See($"delivery {message.DeliveryCount}");
            throw new InvalidOperationException("no luck");
        }

        [Function("Dead")]
        public void Dead([ServiceBusTrigger("lanes/$deadletterqueue")] ServiceBusReceivedMessage message) =>
            probe.See($"dead: {message.Body} {message.DeadLetterReason} of {message.SessionId}");
    }

    public sealed class Unsettled(Probe probe)
    {
        [Function("Unsettled")]
        public void Run([ServiceBusTrigger("plain", AutoCompleteMessages = false)] ServiceBusReceivedMessage message)
        {
            var seen = $"{message.Body}, delivery {message.DeliveryCount}";
            probe.See(probe.Seen.Contains(seen) ? $"{seen} again" : seen);
        }
    }

    public sealed class Draining(Probe probe)
    {
        [Function("Lanes")]
        public Task Lanes([ServiceBusTrigger("lanes", IsSessionsEnabled = true)] string body, CancellationToken cancellation) => RunAsync(body, cancellation);

        [Function("Plain")]
        public Task Plain([ServiceBusTrigger("plain")] string body, CancellationToken cancellation) => RunAsync(body, cancellation);

        private async Task RunAsync(string body, CancellationToken cancellation)
        {
            probe.See($"begins {body}");
            try
            {
                await probe.Until("no stop").WaitAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                probe.See($"stopped {body}");
                throw;
            }
            probe.See($"ends {body}");
        }
    }

    public sealed class Stubborn(Probe probe)
    {
        [Function("Stubborn")]
        public async Task Run([ServiceBusTrigger("plain")] string body)
        {
            probe.See("begins");
            await probe.Until("go");
            probe.See("ends");
        }
    }
}
