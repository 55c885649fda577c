using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Weir.Api;
using Weir.Catalog;
using Weir.DeadLetters;

namespace Unit.Tests.Api;

public sealed class DeadLetterRequestTests
{
    [Fact]
    public void A_query_is_read_with_every_field()
    {
        var request = FromQuery("?type=probe&fingerprint=0123456789abcdef&reason=permanent&tenant=t&state=open&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00%2B01:00&limit=7");
        Assert.Equal(7, request.Limit);
        Assert.Equal(
            new DeadLetterFilter
            {
                Type = "probe",
                Fingerprint = "0123456789abcdef",
                Reason = "permanent",
                Tenant = "t",
                State = DeadLetterState.Open,
                From = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
                To = new DateTimeOffset(2026, 1, 31, 23, 0, 0, TimeSpan.Zero),
            },
            request.Filter);
    }

    [Theory]
    [InlineData("?colour=red", "colour")]
    [InlineData("?type=a&type=b", "type")]
    [InlineData("?fingerprint=XYZ", "fingerprint")]
    [InlineData("?reason=bad-luck", "reason")]
    [InlineData("?state=gone", "state")]
    [InlineData("?from=yesterday", "from")]
    [InlineData("?from=2026-01-01", "from")]
    [InlineData("?to=2026-01-01T00:00:00", "to")]
    [InlineData("?to=0001-01-01T00:00:00Z", "to")]
    [InlineData("?cursor=x", "cursor")]
    [InlineData("?limit=0", "limit")]
    [InlineData("?limit=101", "limit")]
    [InlineData("?limit=ten", "limit")]
    public void A_query_that_is_wrong_is_told_by_the_parameters_name(string query, string name)
    {
        var errors = new List<ContractError>();
        DeadLetterRequest.Read(Query(query), 100, errors);
        Assert.Equal(name, Assert.Single(errors).Pointer);
    }

    [Theory]
    [InlineData("""{"type": "probe", "limit": 1000, "dryRun": true, "why": "mended"}""")]
    [InlineData("""{"all": true}""")]
    [InlineData("""{"all": true, "type": null}""")]
    [InlineData("""{"fingerprint": "0123456789abcdef", "all": false}""")]
    public void A_body_names_a_filter_or_says_all(string body)
    {
        var errors = new List<ContractError>();
        DeadLetterRequest.Read(JsonElement.Parse(body), 1_000, errors);
        Assert.Empty(errors);
    }

    [Theory]
    [InlineData("""{}""", "")]
    [InlineData("""{"all": false}""", "")]
    [InlineData("""{"all": true, "type": "probe"}""", "")]
    [InlineData("""{"dryRun": true}""", "")]
    [InlineData("""[]""", "")]
    [InlineData("""{"type": 7}""", "/type")]
    [InlineData("""{"type": "probe", "limit": 1001}""", "/limit")]
    [InlineData("""{"type": "probe", "limit": 1.5}""", "/limit")]
    [InlineData("""{"type": "probe", "dryRun": "yes"}""", "/dryRun")]
    [InlineData("""{"type": "probe", "state": "open"}""", "/state")]
    [InlineData("""{"type": "probe", "a/b": 1}""", "/a~1b")]
    public void A_body_that_is_wrong_is_told_by_pointer(string body, string pointer)
    {
        var errors = new List<ContractError>();
        DeadLetterRequest.Read(JsonElement.Parse(body), 1_000, errors);
        Assert.Equal(pointer, Assert.Single(errors).Pointer);
    }

    [Fact]
    public void A_filter_keeps_a_quote_a_quote() =>
        Assert.Equal("PartitionKey eq '202601' and RowKey lt 'cause-' and Type eq 'a'' or Type ne '''", new DeadLetterFilter { Type = "a' or Type ne '" }.ToQuery("202601"));

    private static DeadLetterRequest FromQuery(string query)
    {
        var errors = new List<ContractError>();
        var request = DeadLetterRequest.Read(Query(query), 100, errors);
        Assert.Empty(errors);
        return request;
    }

    private static IQueryCollection Query(string query) => new DefaultHttpContext { Request = { QueryString = new QueryString(query) } }.Request.Query;
}
