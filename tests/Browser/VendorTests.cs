namespace Browser.Tests;

/// <summary>The scripts that the pages load are npm's, byte for byte, and light.</summary>
public sealed class VendorTests
{
    private static readonly (string File, string Package)[] Vendored =
    [
        ("htmx.min.js", "htmx.org/dist/htmx.min.js"), ("htmx.LICENSE", "htmx.org/LICENSE"),
        ("idiomorph-ext.min.js", "idiomorph/dist/idiomorph-ext.min.js"), ("idiomorph.LICENSE", "idiomorph/LICENSE"),
    ];

    [Fact]
    public async Task Each_vendored_file_is_what_npm_installs()
    {
        await NodeTools.RequireNodeAsync();
        var folder = Directory.CreateTempSubdirectory("weir-vendor-").FullName;
        try
        {
            foreach (var name in new[] { "package.json", "package-lock.json" })
                File.Copy(Path.Combine(NodeTools.Vendor, name), Path.Combine(folder, name));
            await NodeTools.RunAsync(folder, TimeSpan.FromMinutes(3), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
            foreach (var (file, package) in Vendored)
                Assert.True(File.ReadAllBytes(Path.Combine(folder, "node_modules", package)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(NodeTools.Vendor, file))), $"{file} is not what npm installs.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Nothing_else_is_vendored()
    {
        var files = Directory.GetFiles(NodeTools.Vendor).Select(Path.GetFileName).Except(["package.json", "package-lock.json"]);
        Assert.Equal(Vendored.Select(one => one.File).Order(StringComparer.Ordinal), files.Order(StringComparer.Ordinal)!);
    }

    [Fact]
    public void All_scripts_of_a_page_together_weigh_less_than_100_KB_uncompressed()
    {
        var scripts = Directory.GetFiles(Path.Combine(NodeTools.Vendor, ".."), "*.js").Concat(Directory.GetFiles(NodeTools.Vendor, "*.js")).Sum(file => new FileInfo(file).Length);
        Assert.InRange(scripts, 1, 100_000);
    }
}
