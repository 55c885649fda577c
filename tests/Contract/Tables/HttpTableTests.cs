using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;

namespace Contract.Tests.Tables;

/// <summary>What goes over the wire, and what is made of what comes back, where Azurite cannot be brought to answer so.</summary>
public sealed class HttpTableTests
{
    private static readonly Uri Endpoint = new("https://account.table.core.windows.net");
    private static readonly TableSharedKeyCredential SharedKey = new("account", Convert.ToBase64String("secret"u8));

    [Fact]
    public async Task What_is_busy_is_tried_again()
    {
        var wire = new ScriptedWire(new Answer(503), new Answer(500), new Answer(204, "W/\"1\""));
        var answer = await Table(wire).AddEntityAsync(new TableEntity("p", "r"));
        Assert.Equal(new ETag("W/\"1\""), answer.Headers.ETag);
        Assert.Equal(3, wire.Requests.Count);
    }

    [Fact]
    public async Task What_stays_busy_is_told_after_all_tries()
    {
        var wire = new ScriptedWire(new Answer(503, Body: """{"odata.error":{"code":"ServerBusy","message":{"lang":"en-US","value":"The server is busy."}}}"""));
        var busy = await Assert.ThrowsAsync<RequestFailedException>(() => Table(wire).AddEntityAsync(new TableEntity("p", "r")));
        Assert.Equal((503, "ServerBusy"), (busy.Status, busy.ErrorCode));
        Assert.Contains("The server is busy.", busy.Message, StringComparison.Ordinal);
        Assert.Equal(4, wire.Requests.Count);
    }

    [Fact]
    public async Task A_refusal_is_not_tried_again()
    {
        var wire = new ScriptedWire(new Answer(412, Body: """{"odata.error":{"code":"UpdateConditionNotSatisfied","message":{"lang":"en-US","value":"no"}}}"""));
        var refusal = await Assert.ThrowsAsync<RequestFailedException>(() => Table(wire).UpdateEntityAsync(new TableEntity("p", "r"), new ETag("W/\"1\"")));
        Assert.Equal((412, "UpdateConditionNotSatisfied"), (refusal.Status, refusal.ErrorCode));
        Assert.Single(wire.Requests);
        Assert.Equal(412, refusal.GetRawResponse()!.Status);
    }

    [Fact]
    public async Task A_gateways_page_is_an_error_without_a_code()
    {
        var wire = new ScriptedWire(new Answer(403, Body: "<html>no</html>"));
        var refusal = await Assert.ThrowsAsync<RequestFailedException>(() => Table(wire).GetEntityIfExistsAsync<TableEntity>("p", "r"));
        Assert.Equal((403, null), (refusal.Status, refusal.ErrorCode));
    }

    [Fact]
    public async Task A_lost_connection_ends_in_an_exception_that_names_it()
    {
        var wire = new ScriptedWire() { Broken = true };
        var lost = await Assert.ThrowsAnyAsync<Exception>(() => Table(wire).AddEntityAsync(new TableEntity("p", "r")));
        Assert.Contains("connection lost", lost.ToString(), StringComparison.Ordinal);
        Assert.Equal(4, wire.Requests.Count);
    }

    [Fact]
    public async Task A_request_is_what_the_service_documents()
    {
        var wire = new ScriptedWire(new Answer(204, "W/\"2\""));
        await Table(wire).UpdateEntityAsync(new TableEntity("p'q", "r s") { ["N"] = 1L, ["D"] = 1.5, ["X"] = double.NaN }, new ETag("W/\"1\""));

        var request = Assert.Single(wire.Requests);
        Assert.Equal("PATCH https://account.table.core.windows.net/jobs(PartitionKey='p%27%27q',RowKey='r%20s')", request.Line);
        Assert.Equal("W/\"1\"", request.Headers["If-Match"]);
        Assert.Equal("2020-12-06", request.Headers["x-ms-version"]);
        Assert.Equal("3.0", request.Headers["DataServiceVersion"]);
        Assert.Equal("application/json;odata=minimalmetadata", request.Headers["Accept"]);
        Assert.Equal("application/json", request.Headers["Content-Type"]);
        Assert.Equal(
            """{"PartitionKey":"p\u0027q","RowKey":"r s","N@odata.type":"Edm.Int64","N":"1","D@odata.type":"Edm.Double","D":1.5,"X@odata.type":"Edm.Double","X":"NaN"}""",
            request.Body);
    }

    [Fact]
    public async Task An_insert_asks_for_no_content_and_a_query_for_what_was_said()
    {
        var wire = new ScriptedWire(new Answer(204, "W/\"2\""), new Answer(200, Body: """{"value":[]}"""));
        var table = Table(wire);
        await table.AddEntityAsync(new TableEntity("p", "r"));
        await foreach (var _ in table.QueryAsync<TableEntity>("PartitionKey eq 'a&b'", 5, ["A", "B"]).AsPages("cGs= cms=")) { }

        Assert.Equal("return-no-content", wire.Requests[0].Headers["Prefer"]);
        Assert.Equal(
            "GET https://account.table.core.windows.net/jobs()?$select=A%2CB&$top=5&$filter=PartitionKey%20eq%20%27a%26b%27&NextPartitionKey=cGs%3D&NextRowKey=cms%3D",
            wire.Requests[1].Line);
    }

    [Fact]
    public async Task A_page_may_be_empty_and_lead_on()
    {
        var wire = new ScriptedWire(
            new Answer(200, Body: """{"value":[]}""", Headers: [("x-ms-continuation-NextPartitionKey", "1!4!cA--")]),
            new Answer(200, Body: """{"value":[{"odata.etag":"W/\"1\"","PartitionKey":"p","RowKey":"r","Timestamp":"2026-01-02T03:04:05.1234567Z","N@odata.type":"Edm.Int64","N":"7","D":3.0,"I":3,"X@odata.type":"Edm.Double","X":"Infinity"}]}"""));
        var pages = new List<Page<TableEntity>>();
        await foreach (var page in Table(wire).QueryAsync<TableEntity>().AsPages())
            pages.Add(page);

        Assert.Equal([0, 1], pages.Select(static page => page.Values.Count));
        Assert.EndsWith("NextPartitionKey=1%214%21cA--", wire.Requests[1].Line, StringComparison.Ordinal);
        var entity = pages[1].Values[0];
        Assert.Equal((7L, 3.0, 3, double.PositiveInfinity), (entity.GetInt64("N"), entity.GetDouble("D"), entity.GetInt32("I"), entity.GetDouble("X")));
        Assert.Equal(DateTimeOffset.Parse("2026-01-02T03:04:05.1234567Z", CultureInfo.InvariantCulture), entity.Timestamp);
        Assert.Equal(new ETag("W/\"1\""), entity.ETag);
    }

    [Fact]
    public async Task Each_try_is_signed_with_the_key()
    {
        var wire = new ScriptedWire(new Answer(503), new Answer(204));
        await Table(wire).DeleteEntityAsync("p", "r");
        Assert.All(wire.Requests, static request =>
        {
            var signed = SharedKey.Sign($"{request.Headers["x-ms-date"]}\n/account/jobs(PartitionKey='p',RowKey='r')");
            Assert.Equal($"SharedKeyLite account:{signed}", request.Headers["Authorization"]);
            Assert.Equal("*", request.Headers["If-Match"]);
        });
    }

    [Fact]
    public async Task A_token_credential_is_asked_for_storage_and_sent()
    {
        var wire = new ScriptedWire(new Answer(204));
        var credential = new FakeCredential();
        var table = new TableServiceClient(Endpoint, credential, Options(wire)).GetTableClient("jobs");
        await table.DeleteEntityAsync("p", "r");

        Assert.Equal("Bearer the token", Assert.Single(wire.Requests).Headers["Authorization"]);
        Assert.Equal(["https://storage.azure.com/.default"], credential.Scopes);
        Assert.Equal(("account", "https://account.table.core.windows.net/jobs"), (table.AccountName, table.Uri.AbsoluteUri));
        Assert.Throws<ArgumentException>(() => new TableServiceClient(new Uri("http://account.table.core.windows.net"), credential));
    }

    private static TableClient Table(ScriptedWire wire) => new(Endpoint, "jobs", SharedKey, Options(wire));

    private static TableClientOptions Options(ScriptedWire wire) => new()
    {
        Transport = wire,
        Retry = { Delay = TimeSpan.FromMilliseconds(1), MaxDelay = TimeSpan.FromMilliseconds(2) },
    };

    private sealed record Answer(int Status, string? ETag = null, string Body = "", (string Name, string Value)[]? Headers = null);

    private sealed record Sent(string Line, Dictionary<string, string> Headers, string Body);

    private sealed class FakeCredential : TokenCredential
    {
        public List<string> Scopes { get; } = [];

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Scopes.AddRange(requestContext.Scopes);
            return new AccessToken("the token", DateTimeOffset.MaxValue);
        }

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(GetToken(requestContext, cancellationToken));
    }

    /// <summary>Gives the answers in turn, the last one for ever, and keeps what was sent.</summary>
    private sealed class ScriptedWire(params Answer[] answers) : HttpPipelineTransport
    {
        private readonly HttpClientTransport real = new();

        public List<Sent> Requests { get; } = [];

        public bool Broken { get; init; }

        public override Request CreateRequest() => real.CreateRequest();

        public override void Process(HttpMessage message) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(HttpMessage message)
        {
            var body = new MemoryStream();
            if (message.Request.Content is { } content)
                await content.WriteToAsync(body, CancellationToken.None);
            var headers = message.Request.Headers.ToDictionary(static header => header.Name, static header => header.Value, StringComparer.OrdinalIgnoreCase);
            Requests.Add(new Sent($"{message.Request.Method} {message.Request.Uri}", headers, Encoding.UTF8.GetString(body.ToArray())));
            if (Broken)
                throw new IOException("connection lost");
            message.Response = new ScriptedResponse(answers[Math.Min(Requests.Count, answers.Length) - 1]);
        }
    }

    private sealed class ScriptedResponse(Answer answer) : Response
    {
        private readonly Dictionary<string, string> headers = HeadersOf(answer);

        public override int Status => answer.Status;

        public override string ReasonPhrase => "";

        public override Stream? ContentStream { get; set; } = new MemoryStream(Encoding.UTF8.GetBytes(answer.Body));

        public override string ClientRequestId { get; set; } = "";

        public override void Dispose() { }

        protected override bool ContainsHeader(string name) => headers.ContainsKey(name);

        protected override IEnumerable<HttpHeader> EnumerateHeaders() => headers.Select(static header => new HttpHeader(header.Key, header.Value));

        protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value) => headers.TryGetValue(name, out value);

        protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
        {
            values = headers.TryGetValue(name, out var value) ? [value] : null;
            return values is not null;
        }

        private static Dictionary<string, string> HeadersOf(Answer answer)
        {
            var headers = (answer.Headers ?? []).ToDictionary(static header => header.Name, static header => header.Value, StringComparer.OrdinalIgnoreCase);
            if (answer.ETag is not null)
                headers["ETag"] = answer.ETag;
            return headers;
        }
    }
}
