using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Weir;
using Weir.Lanes;

namespace Unit.Tests.Lanes;

public sealed class LaneCountsTests
{
    [Fact]
    public void A_queue_goes_before_its_tenant_and_that_before_the_default()
    {
        var lanes = Of(("Weir:Tenants:acme:Lanes", "3"), ("Weir:Tenants:acme:Lanes:bulk", "1"), ("Weir:Tenants:beta:Lanes:critical", "7"));
        Assert.Equal((3, 3, 1), (lanes.Of("acme", Queue.Critical), lanes.Of("acme", Queue.Default), lanes.Of("acme", Queue.Bulk)));
        Assert.Equal((7, 32), (lanes.Of("beta", Queue.Critical), lanes.Of("beta", Queue.Default)));
        Assert.Equal(32, lanes.Of("gamma", Queue.Default));
    }

    [Theory]
    [InlineData("Weir:Tenants:acme:Lanes", "0")]
    [InlineData("Weir:Tenants:acme:Lanes", "1001")]
    [InlineData("Weir:Tenants:acme:Lanes", "three")]
    [InlineData("Weir:Tenants:acme:Lanes:bulk", "-1")]
    [InlineData("Weir:Tenants:acme:Lanes:slow", "3")]
    [InlineData("Weir:Tenants:acme:Lanes:7", "3")]
    public void What_cannot_be_is_refused_by_name(string setting, string value)
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Of((setting, value)));
        Assert.StartsWith(setting, refused.Message);
    }

    private static LaneCounts Of(params (string Name, string Value)[] settings) => new(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(one => KeyValuePair.Create(one.Name, (string?)one.Value))).Build(), Options.Create(new WeirOptions()));
}
