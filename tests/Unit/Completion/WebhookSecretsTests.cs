using Microsoft.Extensions.Configuration;
using Weir.Completion;

namespace Unit.Tests.Completion;

public sealed class WebhookSecretsTests
{
    private const string Known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>The example that the libraries of Standard Webhooks test themselves with.</summary>
    [Fact]
    public void The_signature_is_the_standards() => Assert.Equal(
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        WebhookSecrets.Sign(Secrets(("Secret", Known)).Of("any"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, """{"test": 2432232314}"""));

    [Fact]
    public void Every_secret_signs_so_that_one_can_follow_another()
    {
        var signatures = WebhookSecrets.Sign(Secrets(("Secret", $"{Known} {WebhookSecrets.Development}")).Of("any"), "id", 1, "{}").Split(' ');
        Assert.Equal(2, signatures.Distinct().Count());
        Assert.All(signatures, signature => Assert.StartsWith("v1,", signature));
    }

    [Fact]
    public void A_tenants_own_secret_wins()
    {
        var secrets = Secrets(("Secret", Known), ("Tenants:acme:Secret", WebhookSecrets.Development));
        Assert.NotEqual(secrets.Of("acme").Single(), secrets.Of("other").Single());
    }

    [Fact]
    public void Outside_of_development_there_is_none_that_nobody_configured() => Assert.Empty(Secrets().Of("any"));

    [Theory]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_dG9vIHNob3J0")]
    [InlineData("whsec_not base64")]
    public void A_malformed_secret_stops_the_start_and_is_not_told(string secret) =>
        Assert.DoesNotContain(secret, Assert.Throws<InvalidOperationException>(() => Secrets(("Secret", secret))).Message);

    private static WebhookSecrets Secrets(params (string Name, string Value)[] settings) => new(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(one => KeyValuePair.Create($"Weir:Webhooks:{one.Name}", (string?)one.Value))).Build(), development: false);
}
