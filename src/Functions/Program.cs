using Jobs;
using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Weir;

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();

builder.Services.AddAzureConnections(builder.Configuration);
builder.Services.AddWeir(builder.Configuration).AddSampleJobs(builder.Configuration, builder.Environment.IsDevelopment());

var app = builder.Build();
if (builder.Environment.IsDevelopment())
    app.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.Register(() => Console.WriteLine(WhatNext(builder.Configuration)));
await app.RunAsync();

static string WhatNext(IConfiguration configuration)
{
    var address = $"http://{configuration["WEBSITE_HOSTNAME"] ?? "localhost:7071"}";
    return $$$"""

        Weir runs at {{{address}}} (development: no keys, this machine only). Submit a job:

          curl -s {{{address}}}/api/jobs -H 'Content-Type: application/json' -d '{"type": "email.welcome", "payload": {"to": "ada@example.org", "name": "Ada"}}'

        and follow the link in its answer. {{{address}}}/api/catalog lists the job types. Ctrl+C stops.

        """;
}
