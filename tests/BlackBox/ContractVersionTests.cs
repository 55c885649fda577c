using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace BlackBox.Tests;

/// <summary>Clients and a service that do not change on the same day.</summary>
public sealed class ContractVersionTests(OneInstance weir) : IClassFixture<OneInstance>
{
    [Fact]
    public async Task A_request_of_an_older_version_runs_as_one_of_the_newer()
    {
        var id = await weir.Http.SubmitAsync("crm.sync", new { userId = "u-1", email = "ada@example.org", plan = "team" }, more: new { version = 1 });
        var job = await weir.Http.FinalAsync(id);
        Assert.Equal(("succeeded", 1), (job.State(), job.GetProperty("version").GetInt32()));
        var result = job.GetProperty("result");
        Assert.Equal(("team", 1), (result.Text("plan"), result.GetProperty("seats").GetInt32()));
    }

    [Fact]
    public async Task A_payload_is_checked_against_its_own_version()
    {
        using var old = await weir.Http.PostAsync("""{"type": "crm.sync", "version": 1, "payload": {"userId": "u", "email": "a@example.org", "subscription": {"plan": "team"}}}""");
        Assert.Equal(["/payload/subscription"], await PointersAsync(old));
        using var current = await weir.Http.PostAsync("""{"type": "crm.sync", "payload": {"userId": "u", "email": "a@example.org", "plan": "team"}}""");
        Assert.Equal(["/payload/plan"], await PointersAsync(current));
    }

    [Fact]
    public async Task The_catalogue_shows_the_versions_and_the_schema()
    {
        var type = await weir.Http.GetFromJsonAsync<JsonElement>("api/catalog/crm.sync");
        Assert.Equal([1, 2], type.GetProperty("versions").EnumerateArray().Select(version => version.GetInt32()));
        var schema = type.GetProperty("schema");
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", schema.Text("$schema"));
        Assert.Equal(["userId", "email"], schema.GetProperty("required").EnumerateArray().Select(name => name.GetString()));
        Assert.False(schema.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal("email", schema.GetProperty("properties").GetProperty("email").Text("format"));
        Assert.Equal(64, schema.GetProperty("properties").GetProperty("userId").GetProperty("maxLength").GetInt32());
        Assert.Equal(10_000, schema.GetProperty("properties").GetProperty("subscription").GetProperty("properties").GetProperty("seats").GetProperty("maximum").GetInt32());
    }

    private static async Task<IEnumerable<string>> PointersAsync(HttpResponseMessage response)
    {
        var problem = await response.ReadJsonAsync();
        Assert.Equal((HttpStatusCode.UnprocessableEntity, "contractViolation"), (response.StatusCode, problem.Text("code")));
        return problem.GetProperty("errors").EnumerateObject().Select(error => error.Name);
    }
}
