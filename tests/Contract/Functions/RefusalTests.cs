using System.Net;
using System.Net.Sockets;
using AzureLocal.Functions;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Contract.Tests.Functions;

/// <summary>What is wrong with an app is said at start, with the function's name, and nothing runs.</summary>
public sealed class RefusalTests
{
    [Theory]
    [InlineData(typeof(TwoTriggers), "Function Two (TwoTriggers.Run): it has 2 triggers and needs exactly one.")]
    [InlineData(typeof(NoTrigger), "Function None (NoTrigger.Run): it has 0 triggers and needs exactly one.")]
    [InlineData(typeof(SameName), "Function same (SameName.", "the name is taken by SameName.")]
    [InlineData(typeof(BadName), "Function 1st (BadName.Run): the name must begin with a letter")]
    [InlineData(typeof(UnknownParameter), "nothing can be bound to the parameter 'what' of type Uri.")]
    [InlineData(typeof(WrongTriggerType), "a HttpTrigger cannot be bound to a Uri.")]
    [InlineData(typeof(MissingService), "its class needs a System.Uri, which is not registered")]
    [InlineData(typeof(AsyncVoid), "async void")]
    [InlineData(typeof(SameRoute), "Function B (SameRoute.B): its route 'items/{name}' conflicts with that of function A.")]
    [InlineData(typeof(ReservedRoute), "its route 'admin/x' begins with a word that the Functions host keeps for itself")]
    [InlineData(typeof(BrokenRoute), "its route 'x/{' is not valid")]
    [InlineData(typeof(Batched), "IsBatched is not supported")]
    [InlineData(typeof(DeadLetterSessions), "a dead-letter queue has no sessions")]
    [InlineData(typeof(NoSessions), "nothing can be bound to the parameter 'session' of type ServiceBusSessionMessageActions.")]
    [InlineData(typeof(UnknownConnection), "the connection 'Elsewhere' is not set")]
    [InlineData(typeof(UnknownSetting), "'%Nowhere%' needs the setting 'Nowhere', which is not set.")]
    [InlineData(typeof(NoSchedule), "'every day' is neither a cron expression")]
    public void A_wrong_function_is_named_with_what_is_wrong(Type functions, params string[] message)
    {
        using var directory = new TestDirectory();

        var refusal = Assert.Throws<StartRefusedException>(() => TestHost.Build([functions], directory));

        Assert.All(message, part => Assert.Contains(part, refusal.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void An_HTTP_trigger_needs_the_web_application()
    {
        using var directory = new TestDirectory();

        var refusal = Assert.Throws<StartRefusedException>(() => TestHost.Build([typeof(Fine)], directory, new TestHostOptions { ServesHttp = false }));

        Assert.Contains("Function Fine", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("ConfigureFunctionsWebApplication", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_port_is_named_with_what_to_do()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var directory = new TestDirectory();
        await using var host = TestHost.Build([typeof(Fine)], directory, new TestHostOptions { Port = port });

        var refusal = await Assert.ThrowsAsync<StartRefusedException>(() => host.StartAsync());

        Assert.Contains($"Port {port} is in use", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--port", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_is_no_number_is_refused()
    {
        using var directory = new TestDirectory();

        var refusal = Assert.Throws<StartRefusedException>(() => TestHost.Build([], directory, new TestHostOptions { Arguments = ["--port", "http"] }));

        Assert.Contains("--port is 'http'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_short_switch_is_refused_with_what_there_is()
    {
        using var directory = new TestDirectory();

        var refusal = Assert.Throws<StartRefusedException>(() => TestHost.Build([], directory, new TestHostOptions { Arguments = ["-p", "80"] }));

        Assert.Contains("--port <number> and --data <directory>", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_directory_that_cannot_be_used_is_refused()
    {
        using var directory = new TestDirectory();
        directory.Write("data", "a file where the directory should be");
        await using var host = TestHost.Build([typeof(SameName.Only)], directory);

        var refusal = await Assert.ThrowsAsync<StartRefusedException>(() => host.StartAsync());

        Assert.Contains("--data", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "UserConfig": 1 }""")]
    [InlineData("""{ "UserConfig": { "Namespaces": [ { "Name": "n", "Queues": [ { "Name": "q", "Properties": { "LockDuration": "soon" } } ] } ] } }""")]
    public async Task A_servicebus_json_that_cannot_be_used_is_refused(string entities)
    {
        using var directory = new TestDirectory();
        directory.Write("servicebus.json", entities);
        await using var host = TestHost.Build([], directory);

        var refusal = await Assert.ThrowsAsync<StartRefusedException>(() => host.StartAsync());

        Assert.Contains("servicebus.json", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("WEBSITE_INSTANCE_ID")]
    [InlineData("CONTAINER_NAME", "LEGION_SERVICE_HOST")]
    [InlineData("CONTAINER_NAME", "WEBSITE_SITE_NAME")]
    [InlineData("WEBSITE_POD_NAME", "LEGION_SERVICE_HOST")]
    [InlineData("MANAGED_ENVIRONMENT", "CONTAINER_APP_NAME")]
    public void Inside_Azure_it_refuses_to_start(params string[] variables)
    {
        using var directory = new TestDirectory();
        var options = new TestHostOptions { EnvironmentVariable = name => variables.Contains(name) ? "set" : null };

        var refusal = Assert.Throws<StartRefusedException>(() => TestHost.Build([typeof(Fine)], directory, options));

        Assert.Contains(variables[0], refusal.Message, StringComparison.Ordinal);
        Assert.Contains("-p:AzurePackages=true", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CONTAINER_NAME")]
    [InlineData("WEBSITE_SITE_NAME")]
    [InlineData("WEBSITE_HOSTNAME")]
    public void Other_containers_and_tools_are_not_Azure(string variable) =>
        AzureDetection.Refuse(name => name == variable ? "set" : null);

    public sealed class Fine
    {
        [Function("Fine")]
        public static void Run([HttpTrigger] HttpRequest request)
        {
        }
    }

    public sealed class TwoTriggers
    {
        [Function("Two")]
        public static void Run([HttpTrigger] HttpRequest request, [TimerTrigger("0 * * * *")] TimerInfo timer)
        {
        }
    }

    public sealed class NoTrigger
    {
        [Function("None")]
        public static void Run(HttpRequest request)
        {
        }
    }

    public sealed class SameName
    {
        [Function("Same")]
        public static void One([TimerTrigger("0 * * * *")] TimerInfo timer)
        {
        }

        [Function("same")]
        public static void Other([TimerTrigger("0 * * * *")] TimerInfo timer)
        {
        }

        public sealed class Only
        {
            [Function("Same")]
            public static void Run([TimerTrigger("0 * * * *")] TimerInfo timer)
            {
            }
        }
    }

    public sealed class BadName
    {
        [Function("1st")]
        public static void Run([TimerTrigger("0 * * * *")] TimerInfo timer)
        {
        }
    }

    public sealed class UnknownParameter
    {
        [Function("Unknown")]
        public static void Run([HttpTrigger] HttpRequest request, Uri what)
        {
        }
    }

    public sealed class WrongTriggerType
    {
        [Function("Wrong")]
        public static void Run([HttpTrigger] Uri request)
        {
        }
    }

    public sealed class MissingService(Uri address)
    {
        [Function("Missing")]
        public string Run([HttpTrigger] HttpRequest request) => address.Host;
    }

    public sealed class AsyncVoid
    {
        [Function("Async")]
        public static async void Run([HttpTrigger] HttpRequest request) => await Task.Yield();
    }

    public sealed class SameRoute
    {
        [Function("A")]
        public static void A([HttpTrigger("get", "post", Route = "Items/{id}")] HttpRequest request)
        {
        }

        [Function("B")]
        public static void B([HttpTrigger("POST", Route = "items/{name}")] HttpRequest request)
        {
        }

        [Function("C")]
        public static void C([HttpTrigger("delete", Route = "items/{id}")] HttpRequest request)
        {
        }
    }

    public sealed class ReservedRoute
    {
        [Function("Reserved")]
        public static void Run([HttpTrigger(Route = "admin/x")] HttpRequest request)
        {
        }
    }

    public sealed class BrokenRoute
    {
        [Function("Broken")]
        public static void Run([HttpTrigger(Route = "x/{")] HttpRequest request)
        {
        }
    }

    public sealed class Batched
    {
        [Function("Batched")]
        public static void Run([ServiceBusTrigger("q", IsBatched = true)] string message)
        {
        }
    }

    public sealed class DeadLetterSessions
    {
        [Function("Dead")]
        public static void Run([ServiceBusTrigger("q/$deadletterqueue", IsSessionsEnabled = true)] string message)
        {
        }
    }

    public sealed class NoSessions
    {
        [Function("NoSessions")]
        public static void Run([ServiceBusTrigger("q")] string message, ServiceBusSessionMessageActions session)
        {
        }
    }

    public sealed class UnknownConnection
    {
        [Function("Lost")]
        public static void Run([ServiceBusTrigger("q", Connection = "Elsewhere")] string message)
        {
        }
    }

    public sealed class UnknownSetting
    {
        [Function("Lost")]
        public static void Run([ServiceBusTrigger("%Nowhere%")] string message)
        {
        }
    }

    public sealed class NoSchedule
    {
        [Function("Never")]
        public static void Run([TimerTrigger("every day")] TimerInfo timer)
        {
        }
    }
}
