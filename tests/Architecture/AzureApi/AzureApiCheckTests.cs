namespace Architecture.Tests.AzureApi;

/// <summary>The check of the check: does it bite, and only there?</summary>
public sealed class AzureApiCheckTests
{
    private const string Class = "Azure.Data.Tables.TableClient";
    private const string Token = "System.Threading.CancellationToken cancellationToken";

    private readonly string[] complaints = [.. OfficialApi.Of("Azure.Data.Tables").Complaints(
        [.. ApiLines.OfAssembly(typeof(AzureApiCheckTests).Assembly, type => type.FullName == Class)])];

    [Fact]
    public void Only_what_is_wrong_is_reported() => Assert.Equal(3, complaints.Length);

    [Fact]
    public void An_invented_member_is_reported() => Assert.Contains($"""
          local:       method {Class}.CountRows() : System.Int32 [virtual]
          official:    nothing of this name
        """, complaints);

    [Fact]
    public void A_default_that_differs_is_reported_beside_the_official_signature()
    {
        const string Keys = "System.String partitionKey, System.String rowKey";
        Assert.Contains($"""
              local:       method {Class}.DeleteEntity({Keys}, Azure.ETag ifMatch, {Token}) : Azure.Response [virtual]
              official:    method {Class}.DeleteEntity({Keys}, Azure.ETag ifMatch = default, {Token} = default) : Azure.Response [virtual]
            """, complaints);
    }

    [Fact]
    public void A_missing_virtual_is_reported_beside_the_official_signature() => Assert.Contains($"""
          local:       method {Class}.DeleteAsync({Token} = default) : System.Threading.Tasks.Task<Azure.Response>
          official:    method {Class}.DeleteAsync({Token} = default) : System.Threading.Tasks.Task<Azure.Response> [virtual]
        """, complaints);

    [Fact]
    public void What_is_officially_obsolete_must_say_so_locally()
    {
        const string Version = "Microsoft.DurableTask.TaskName.Version : System.String { get; }";
        var obsolete = $"attribute {Version} : System.ObsoleteAttribute";
        var official = OfficialApi.Of("Microsoft.DurableTask");

        Assert.Equal([$"  local lacks: {obsolete}"], official.Complaints([$"property {Version}"]));
        Assert.Empty(official.Complaints([$"property {Version}", obsolete]));
    }

    [Fact]
    public void One_assembly_may_stand_for_several_packages()
    {
        var official = OfficialApi.Of("Microsoft.Azure.Functions.Worker");

        Assert.Empty(official.Complaints(
        [
            "type Microsoft.Azure.Functions.Worker.FunctionContext : class [abstract]",
            "type Microsoft.Azure.Functions.Worker.ServiceBusEntityType : enum",
        ]));
        Assert.True(OfficialApi.Of("AzureLocal.Storage").IsEmpty);
    }
}
