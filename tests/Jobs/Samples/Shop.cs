using Jobs.Downstream;
using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Testing;

namespace Jobs.Tests.Samples;

/// <summary>The sample jobs, and the services that they call.</summary>
internal sealed class Shop
{
    private readonly IConfiguration none = new ConfigurationBuilder().Build();
    private int made;

    public Shop() => Services = new FakeService().Answers(request => new DownstreamAnswer($"{request.Path.Split('/')[^1]}-{++made}"));

    /// <summary>All of them: <c>/sim/email</c>, <c>/sim/crm</c>, …</summary>
    public FakeService Services { get; }

    public void Register(WeirBuilder app) => app.AddSampleJobs(none, development: false).UseFake<DownstreamClient>(Services);

    public Task<WeirTest> OpenAsync() => WeirTest.StartAsync(Register);

    /// <summary>What each of these services was asked, in order: the first word of each request's body.</summary>
    public string Asked(params string[] services) => string.Join(' ', Services.Requests
        .Where(request => services.Length == 0 || services.Contains(request.Path.Split('/')[^1]))
        .Select(request => request.Body.EnumerateObject().First().Name));
}
