using System.Net;
using System.Net.Sockets;

namespace Weir.Completion;

/// <summary>
/// Tells addresses of the internet from those that mean something only here: loopback, private and link-local networks, metadata services. A
/// client that names one of the latter as its callback would have us call it from inside (server-side request forgery).
/// </summary>
internal static class PublicAddresses
{
    /// <summary>The IANA special-purpose registry for IPv4, multicast and reserved ranges, and Azure's wire server.</summary>
    private static readonly IPNetwork[] NotPublic4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
            "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>Of IPv6 only this is given out for the internet; unique-local, link-local, NAT64 and mapped addresses lie outside.</summary>
    private static readonly IPNetwork Global6 = IPNetwork.Parse("2000::/3");

    /// <summary>Within it: Teredo and other protocol assignments, documentation, and 6to4, which carries an IPv4 address of any kind.</summary>
    private static readonly IPNetwork[] NotPublic6 = [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse)];

    public static bool Include(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return address.AddressFamily switch
        {
            AddressFamily.InterNetwork => !Array.Exists(NotPublic4, network => network.Contains(address)),
            AddressFamily.InterNetworkV6 => Global6.Contains(address) && !Array.Exists(NotPublic6, network => network.Contains(address)),
            _ => false,
        };
    }
}
