using System.Security.Cryptography;

namespace Weir.Submission;

/// <summary>Chance outside of tests: unguessable, and safe from any thread, which a seeded <see cref="Random"/> is not.</summary>
internal sealed class SystemChance : Random
{
    public override void NextBytes(Span<byte> buffer) => RandomNumberGenerator.Fill(buffer);

    public override void NextBytes(byte[] buffer) => RandomNumberGenerator.Fill(buffer);

    public override int Next(int maxValue) => RandomNumberGenerator.GetInt32(maxValue);

    public override int Next(int minValue, int maxValue) => RandomNumberGenerator.GetInt32(minValue, maxValue);

    protected override double Sample()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return (BitConverter.ToUInt64(bytes) >> 11) * (1.0 / (1ul << 53));
    }
}
