using Weir;

namespace Unit.Tests;

public sealed class AzureConnectionsTests
{
    [Theory]
    [InlineData("Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;", "Endpoint=sb://localhost:5300;SharedAccessKeyName=a;SharedAccessKey=b;UseDevelopmentEmulator=true;")]
    [InlineData("UseDevelopmentEmulator=true;Endpoint=sb://emulator/", "UseDevelopmentEmulator=true;Endpoint=sb://emulator:5300")]
    [InlineData("Endpoint=sb://localhost:5301;UseDevelopmentEmulator=true", "Endpoint=sb://localhost:5301;UseDevelopmentEmulator=true")]
    [InlineData("UseDevelopmentEmulator=true", "UseDevelopmentEmulator=true")]
    [InlineData("Endpoint=sb://weir.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b", "Endpoint=sb://weir.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b")]
    public void The_emulator_is_administered_at_its_own_port(string connection, string expected) =>
        Assert.Equal(expected, AzureConnections.ForAdministration(connection));
}
