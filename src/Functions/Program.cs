using Dashboard;
using Functions;
using Jobs;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Weir;
using Weir.Shards;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();

builder.Services.AddAzureConnections(builder.Configuration);
TelemetryExport.AddLogs(builder);
builder.Services.AddHostedService<TelemetryExport>();
if (builder.Configuration.IsWeirFront())
{
    builder.Services.AddWeirFront(builder.Configuration);
    builder.UseMiddleware<AskShard>();
}
else
{
    builder.Services.AddWeir(builder.Configuration).AddSampleJobs(builder.Configuration, builder.Environment.IsDevelopment());
}
builder.Services.AddDashboard(); // also at a front, whose functions are the same: there it is never made, since every request goes on to a shard

var app = builder.Build();
if (builder.Environment.IsDevelopment())
    app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(() => Console.WriteLine(WhatNext(builder.Configuration)));
await app.RunAsync();

static string WhatNext(IConfiguration configuration)
{
    var address = $"http://{configuration["WEBSITE_HOSTNAME"] ?? "localhost:7071"}";
    var keys = configuration.GetSection("Weir:Keys").GetChildren().Any();
    return $$$"""

        Weir runs at {{{address}}} (development: {{{(keys ? "with keys" : "no keys, everybody on this machine may do everything")}}}). Submit a job:

          curl -s {{{address}}}/api/jobs {{{(keys ? "-H 'Authorization: Bearer weir_…' " : "")}}}-H 'Content-Type: application/json' -d '{"type": "email.welcome", "payload": {"to": "ada@example.org", "name": "Ada"}}'

        and follow the link in its answer. {{{address}}}/api/catalog lists the job types. {{{address}}}/dashboard shows how it goes. Ctrl+C stops.

        """;
}
