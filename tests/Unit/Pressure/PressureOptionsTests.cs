using Microsoft.Extensions.Configuration;
using Weir;
using Weir.Pressure;

namespace Unit.Tests.Pressure;

public sealed class PressureOptionsTests
{
    [Fact]
    public void What_is_not_set_has_its_default_and_what_is_has_not()
    {
        var options = new PressureOptions(Of(("bulk:Elevated", "00:00:30"), ("critical:MaxDepth", "700"), ("default:share", "0.6")));
        Assert.Equal((TimeSpan.FromSeconds(30), TimeSpan.FromHours(1)), (options.Of(Queue.Bulk).Elevated, options.Of(Queue.Bulk).Saturated));
        Assert.Equal((700, 0.6), (options.Of(Queue.Critical).MaxDepth, options.Of(Queue.Default).Share));
    }

    [Theory]
    [InlineData("bulky:Elevated", "00:01:00", "there is no queue 'bulky'")]
    [InlineData("bulk:Elevate", "00:01:00", "expected one of Elevated")]
    [InlineData("bulk:Elevated", "soon", "expected a time")]
    [InlineData("bulk:Elevated", "02:00:00", "is to be less than Saturated")]
    [InlineData("bulk:MaxDepth", "-1", "expected a whole number")]
    [InlineData("bulk:MaxDepth", "10", "is to be less than MaxDepth")]
    [InlineData("bulk:Share", "2", "expected a number from 0.01 to 1")]
    public void A_threshold_that_cannot_be_stops_the_start(string name, string value, string says) =>
        Assert.Contains(says, Assert.Throws<InvalidOperationException>(() => new PressureOptions(Of((name, value)))).Message);

    private static IConfiguration Of(params (string Name, string Value)[] settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(one => $"Weir:Pressure:{one.Name}", one => (string?)one.Value)).Build();
}
